package corpus

import "fmt"

const parquetMagic = "PAR1"

func readParquet(in *input, c *collector) error {
	return fmt.Errorf("%s: the Parquet file is not read: write it as JSON Lines or CSV", in.path)
}
