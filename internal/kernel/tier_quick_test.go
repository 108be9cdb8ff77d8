//go:build !long

package kernel

const extremeRows = 50_000

// poolSizes are the threads of the pools of eachPool.
var poolSizes = []int{3}
