//go:build tools

// Package tools pins the CRI-O that the end-to-end run builds.
package tools

import (
	_ "github.com/cri-o/cri-o/cmd/crio"
)
