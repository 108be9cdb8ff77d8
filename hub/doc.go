// Package hub reads and writes models and adapters in the formats of other programs, and
// downloads them from Hugging Face's hub.
//
//	a model of Hugging Face    Open, Load, LoadModel; SaveHuggingFace
//	a model file of llm.c      InspectLLMC, LoadLLMC; SaveLLMC
//	nanoGPT                    SaveNanoGPT
//	GGUF, for llama.cpp        SaveGGUF, SaveAdapterGGUF
//	an adapter of PEFT         CheckAdapter, LoadAdapter; SaveAdapter
//	the cache, and the server  Cache.Find; Remote.Download
//
// Writing fails when a format cannot hold the network. Reading fails when a file means
// something that this module does not compute. A file or a directory that is written
// appears complete or not at all. docs/interop.md says what was compared with the original
// programs.
package hub
