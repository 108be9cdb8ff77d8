// Package pickle reads the tensors of a file of torch.save, such as pytorch_model.bin:
// a state dictionary, in the zip container that PyTorch writes since version 1.6, and
// in the form before that.
//
// A pickle is a program for a machine that can call anything. The machine here knows
// the instructions that a state dictionary needs, and calls nothing: of the globals
// that they may name, three make tensors and dictionaries of what stands in the file,
// and the others are types of numbers. Everything else is refused by its name. What a
// file asks for is compared with its size before memory is taken.
//
// Sources: pickletools of Python 3 for the instructions; torch/serialization.py and
// torch/_utils.py for the forms of the files.
package pickle
