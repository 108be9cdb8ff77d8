//go:build race

package safetensors

const raceDetector = true // it makes everything slower
