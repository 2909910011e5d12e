let classifier, video, answer;

function preload() {
  classifier = ml5.imageClassifier(new URL("page/also/layers/model.json", document.baseURI).href);
}

function setup() {
  createCanvas(320, 240);
  video = createCapture(VIDEO, { flipped: true });
  video.size(320, 240);
  video.hide();
  answer = createP("Looking …");
  classifier.classifyStart(video, ([best]) => answer.html(`${best.label}: ${Math.round(best.confidence * 100)} %`));
}

function draw() {
  image(video, 0, 0);
}
