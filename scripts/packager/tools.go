//go:build tools

// Package tools pins the packager.
package tools

import (
	_ "github.com/goreleaser/nfpm/v2/cmd/nfpm"
)
