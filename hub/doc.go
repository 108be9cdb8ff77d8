// Package hub reads and writes models and adapters as other people keep them.
//
//	a GPT-2 of Hugging Face    Open, Load, LoadModel; SaveHuggingFace
//	a model file of llm.c      InspectLLMC, LoadLLMC; SaveLLMC
//	nanoGPT                    SaveNanoGPT
//	GGUF, for llama.cpp        SaveGGUF, SaveAdapterGGUF
//	an adapter of PEFT         CheckAdapter, LoadAdapter; SaveAdapter
//	the cache, and the server  Cache.Find; Remote.Download
//
// A network that a format cannot express is refused, and so is a file that would be
// read otherwise than its writer meant it. What is written appears whole or not at all.
// docs/interop.md says what was held against the originals.
package hub
