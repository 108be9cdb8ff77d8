// Package corpus reads or generates text and divides it into batches.
//
// Text comes from files ([Load]) or from a grammar ([Stories], [Grammar]). It is divided for
// training and validation ([Split]) and cut into windows: random windows for training, whose
// position is one integer ([Windows]), and consecutive windows that cover a validation split
// once ([Sweep]). [Baseline] is the loss that is reached without a network.
//
// Independent documents, such as questions with answers, are read from text files, JSON, CSV
// and Parquet ([ReadRecords]), written out by a [Template] and encoded ([Encoder],
// [LoadExamples]) as [Examples]: tokens and a loss mask. [Pack] puts them into rows in which
// no document sees another, and [Packed] gives the rows in batches.
//
// The text of a grammar has a known entropy. [Grammar.Rate] is the loss per character that
// no model can beat, however long its context. [Grammar.Floor] is the loss of the ideal
// predictor on given windows of a given text. The loss of a training run on stories is
// compared with it.
package corpus
