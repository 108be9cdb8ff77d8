package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// stopSignals ask to stop: Ctrl-C, what a system ends its processes with, and, unless it is
// to be survived as after nohup, the end of the terminal.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	for _, s := range hangups {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}

// interruptible is a context that the first signal to stop ends, after notice was called.
// The second one exits at once, with the code of the first; but the end of a terminal may
// be told more than once, and is none. stop gives the signals back.
func interruptible(parent context.Context, notice func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals()...)
	done := make(chan struct{})
	go func() {
		first := 0
		for {
			select {
			case s := <-signals:
				number, _ := s.(syscall.Signal)
				if first == 0 {
					first = int(number)
					notice()
					cancel(signalled(first))
				} else if !isHangup(s) {
					os.Exit(signalled(first).code())
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

func isHangup(s os.Signal) bool {
	for _, h := range hangups {
		if s == h {
			return true
		}
	}
	return false
}

// signalled is the number of a signal as the reason why a context ended.
type signalled int

func (s signalled) Error() string { return fmt.Sprintf("signal %d", int(s)) }

// code is the exit code of what a signal has stopped, as a shell counts.
func (s signalled) code() int { return 128 + int(s) }

// A stopError says what was stopped by a signal, and how to go on.
type stopError struct {
	error
	by signalled
}

func (e stopError) Unwrap() error { return e.error }

// stopped is err, of what was left when ctx ended: with the exit code of the signal, if
// one has ended it.
func stopped(ctx context.Context, err error) error {
	if by := signalled(0); errors.As(context.Cause(ctx), &by) {
		return stopError{err, by}
	}
	if inGroup() { // the signal came to another rank
		return stopError{err, signalled(syscall.SIGTERM)}
	}
	return err
}
