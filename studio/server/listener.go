package server

import (
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// A Listener is an address that the studio answers at, and who may ask there. On an address of
// this machine alone that is every program here. On another one it is who knows the token,
// which is the first part of every path, and what changes the program's state is refused.
type Listener struct {
	net.Listener
	Token    string // "" on this machine alone
	ReadOnly bool   // training is refused, and what it would have made

	hosts []string // that a request may name
}

// loopback are the names of this machine.
var loopback = []string{"127.0.0.1", "localhost", "::1"}

// Listen listens at an address such as "127.0.0.1:0", where 0 is any free port. One that other
// machines reach gets a Token, and is read-only.
func Listen(address string) (*Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil, fmt.Errorf("listening at %q: an address is like 127.0.0.1:8080, or 0.0.0.0:8080 for all of this machine", address)
	}
	ip := net.ParseIP(host)
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listening at %q: %w", address, err)
	}
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		return &Listener{Listener: l, hosts: at(l, loopback...)}, nil
	}
	names := []string{host}
	if ip != nil && ip.IsUnspecified() {
		if names, err = addresses(); err != nil {
			l.Close()
			return nil, fmt.Errorf("listening at %q: %w", address, err)
		}
		names = append(names, loopback...)
	}
	return &Listener{Listener: l, Token: strings.ToLower(rand.Text()), ReadOnly: true, hosts: at(l, names...)}, nil
}

// at is the names with the port of l, as a request has them.
func at(l net.Listener, names ...string) (hosts []string) {
	for _, n := range names {
		hosts = append(hosts, net.JoinHostPort(n, strconv.Itoa(l.Addr().(*net.TCPAddr).Port)))
	}
	return hosts
}

// addresses are those of this machine that others may reach.
func addresses() (all []string, err error) {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			all = append(all, n.IP.String())
		}
	}
	return all, nil
}

// URL is the address to open, with the token.
func (l *Listener) URL() string {
	host := l.Addr().String()
	if l.Token == "" {
		return "http://" + host + "/"
	}
	return "http://" + l.hosts[0] + "/" + l.Token + "/"
}
