package kernel

func detect() []Path { return nil }
