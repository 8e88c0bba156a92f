// Command v5.42 answers what version 5.42 of the image library says.
package main

import (
	"github.com/cri-o/crio-credential-provider/tests/e2e/image_library/oracle"
	"go.podman.io/image/v5/version"
)

func main() {
	oracle.Main(version.Version)
}
