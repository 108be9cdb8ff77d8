package derive

import "testing"

// TestWhatCancelsGoes: terms that cancel go together; a function around one of them is not
// named, because what is left without it would still cancel.
func TestWhatCancelsGoes(t *testing.T) {
	const short = "(D @ v' - ~rowdot(D @ v', rho)) * rho"
	for _, answer := range []string{
		short + " + mask(rho) - rho",
		"mask(rho) + " + short + " - rho",
		short + " - rho / 2 + mask(rho) - rho / 2",
		"(D @ v' + mask(rho) / 2 - ~rowdot(D @ v', rho) - (rho - rho / 2)) * rho",
		"mask(" + short + ")",
	} {
		if v := FindExercise("d_causal").Grade(answer); v.Status != Right || v.Repair != short {
			t.Errorf("%s: %s, and shorter is %q, want %q", answer, v.Message, v.Repair, short)
		}
	}
}
