package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that the first Ctrl-C (or SIGTERM) ends, after notice was
// called; the second exits at once with 130, as a shell counts. stop gives the signals
// back.
func interruptible(parent context.Context, notice func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
			notice()
			cancel()
		case <-done:
			return
		}
		select {
		case <-signals:
			os.Exit(130)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
