//go:build !race

package safetensors

const raceDetector = false // it makes everything slower
