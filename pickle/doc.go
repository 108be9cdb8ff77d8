// Package pickle reads the tensors of a file of torch.save, such as pytorch_model.bin: a state
// dictionary, in the zip container that PyTorch writes since version 1.6, or in the older format.
//
// A pickle is a program for a machine that can call any function. The machine here knows only the
// instructions of a state dictionary, and calls no function of the file's choice. Of the globals
// that it knows, three make tensors and dictionaries, and the others are number types. Everything
// else is an error with its name. Sizes are compared with the size of the file before memory is
// allocated.
//
// Sources: pickletools of Python 3 for the instructions; torch/serialization.py and
// torch/_utils.py for the forms of the files.
package pickle
