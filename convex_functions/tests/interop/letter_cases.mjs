// Prints, for each letter of Unicode that has several cases by the flags `iu` of regular expressions, all of its cases.

const cased = /^[\p{Cased}\p{CWCF}\p{CWCM}\p{CWL}\p{CWU}\p{CWT}]$/u;
const letters = [];
for (let code = 0; code < 0x110000; code += 1) {
  const letter = String.fromCodePoint(code);
  if (cased.test(letter)) letters.push(letter);
}
const every = letters.join("");
const cases = {};
for (const letter of letters) {
  const found = every.match(new RegExp(letter, "giu"));
  if (found.length > 1) cases[letter.codePointAt(0)] = found.map((other) => other.codePointAt(0));
}
console.log(JSON.stringify(cases));
