// Functions that the scripts of several sections call.
const find = id => document.getElementById(id);
const read = id => JSON.parse(find(id).textContent);
// A name that is written from right to left does not turn the words around it, as in <bdi>.
const isolated = name => `\u2068${name}\u2069`;
// A minus is as wide as a plus, and zero has no sign.
const oneDecimal = value => value.toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "−");
