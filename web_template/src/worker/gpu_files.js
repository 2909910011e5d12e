// The files that are fetched only where a graphics card is tried.

export const FOR_GPUS = /^(gpu|worker_web(gl|gpu))\.js$/;
