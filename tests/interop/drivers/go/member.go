package driver

import (
	"slices"
	"sync"
)

// Member keeps account of what a member of a group owns and has read; the client tells it.
type Member struct {
	mutex   sync.Mutex
	owned   map[int32]bool
	revoked map[int32]bool
	seen    []string
	changes int
	leave   func()
}

// NewMember is a member that leaves its group by the function, which returns when nothing more will be told.
func NewMember(leave func()) *Member {
	return &Member{owned: map[int32]bool{}, revoked: map[int32]bool{}, leave: leave}
}

func (m *Member) Owns(partitions ...int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, p := range partitions {
		m.owned[p] = true
	}
	m.changes += len(partitions)
}

func (m *Member) Lost(partitions ...int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, p := range partitions {
		delete(m.owned, p)
		m.revoked[p] = true
	}
	m.changes += len(partitions)
}

func (m *Member) Saw(values ...string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.seen = append(m.seen, values...)
}

func (m *Member) Leave() {
	m.leave()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	clear(m.owned)
}

// Owned are its partitions, in their order.
func (m *Member) Owned() (owned []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for p := range m.owned {
		owned = append(owned, p)
	}
	slices.Sort(owned)
	return owned
}

// Seen are the values that it has read, in their order.
func (m *Member) Seen() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(m.seen)
}

// Changes counts how often it got or lost a partition.
func (m *Member) Changes() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.changes
}

func (m *Member) forgetRevoked() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	clear(m.revoked)
}

func (m *Member) ownedAndRevoked() (kept []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for p := range m.owned {
		if m.revoked[p] {
			kept = append(kept, p)
		}
	}
	return kept
}
