// Package corpus is where text comes from and how it is dealt out.
//
// Text is read from files ([Load]) or told by a grammar ([Stories], [Grammar]),
// divided for training and validation ([Split]), and served as windows: random
// ones to train on, whose position is one integer ([Windows]), and consecutive
// ones that cover a validation split once ([Sweep]). [Baseline] says what loss
// is reached without any network.
//
// Documents that belong together in no text, such as questions with their answers,
// are read from text files and JSONL ([ReadRecords]), written out by a [Template] and
// encoded ([Encoder], [LoadExamples]) to [Examples]: tokens and which of them are to
// be learnt. [Pack] lays them into rows, whole and without one seeing the other, and
// deals the rows out ([Packed]).
//
// What a grammar tells has a known entropy: [Grammar.Rate] is the loss per
// character that no model can beat however long it looks back, and
// [Grammar.Floor] is the loss of the ideal predictor on given windows of given
// text. A training run on stories is held against that number.
package corpus
