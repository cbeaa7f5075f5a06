"use strict";
// What the browser of answers is made with: elements, numbers as words, texts and where two of them part.
// Texts are only ever set as textContent.

const element = (tag, kind, ...children) => {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...children.filter((child) => (child ?? "") !== ""));
  return made;
};
const unpacked = async (text) => {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
};

const signed = (value, digits) => (value < 0 ? "−" : value > 0 ? "+" : "") + Math.abs(value).toFixed(digits);
const percent = (value) => (100 * value).toFixed(1) + " %";
const compared = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const part = (text) => (Array.isArray(text) ? text : [text, 0]);

const splitAt = (before, after) => {
  const most = Math.min(before.length, after.length);
  let place = 0;
  while (place < most && before[place] === after[place]) place += 1;
  if (place === before.length && place === after.length) return -1;
  const word = after.slice(0, place).search(/\S+$/);
  return word < 0 ? place : word;
};
