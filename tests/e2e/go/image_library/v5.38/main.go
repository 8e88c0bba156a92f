// Command v5.38 answers what version 5.38 of the image library says.
package main

import (
	"github.com/cri-o/crio-credential-provider/tests/e2e/image_library/oracle"
	"go.podman.io/image/v5/version"
)

func main() {
	oracle.Main(version.Version)
}
