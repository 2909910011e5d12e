// The files that are fetched only where a graphics card is tried, and those that few visitors ask for.

export const FOR_GPUS = /^(gpu|worker_web(gl|gpu))\.js$/;
export const ON_DEMAND = /^(gpu|worker_web(gl|gpu)|single)\.js$/;
