package studio

import "github.com/pedestrian-ml/pedestrian/paper"

// Nodes are the tensors of the session: the steps of both passes in their order, then the
// parameters, then a mask for each head. They are not to be changed.
func (s *Session) Nodes() []Node { return s.nodes }

// Node returns the node of that id, or nil.
func (s *Session) Node(id string) *Node { return s.node(id) }

// Values returns the numbers of a node, which are not to be changed. It panics when there is no
// such node.
func (s *Session) Values(id string) paper.Mat { return s.value(id) }

// Sequence is what the network reads, and what it should say.
func (s *Session) Sequence() paper.Sequence { return s.seq }

// Losses returns the loss of every token as it counts, and the probability of its target; nil
// for a token without a target.
func (s *Session) Losses() (losses, p []*float64) { return s.perToken() }

// Size is the Frobenius norm and the largest entry, without its sign, of what is finite in a matrix.
func Size(m paper.Mat) (norm, top float64) { return size(m) }

// MathML typesets a formula in TeX, as those of the registry are. An error names what it cannot read.
func MathML(tex string) (string, error) { return displayML(tex) }
