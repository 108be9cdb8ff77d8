//go:build long

package train

import "testing"

func TestRewindRecoversTwentySeeds(t *testing.T) { rewindRecovers(t, 20) }
