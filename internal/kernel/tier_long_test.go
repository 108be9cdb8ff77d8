//go:build long

package kernel

const extremeRows = 1_000_000

// poolSizes are the threads of the pools of eachPool.
var poolSizes = []int{1, 2, 3}
