//go:build tools

// Package tools names the program that the end-to-end run builds from this module.
package tools

import _ "github.com/containerd/containerd/v2/cmd/containerd"
