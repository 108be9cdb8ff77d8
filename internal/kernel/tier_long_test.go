//go:build long

package kernel

const extremeRows = 1_000_000

// poolSizes are the threads of the pools of eachPool.
var poolSizes = []int{1, 2, 3}

// everyPath says that eachFloatPath runs on all paths.
const everyPath = true
