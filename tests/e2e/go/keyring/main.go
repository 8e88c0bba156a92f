// Command keyring tells in which order the kubelet tries the pairs of a credential provider's answer.
//
// It reads one JSON request per line from stdin, an image with the answer's "auth", and answers each
// with one line on stdout: the user names in the kubelet's order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/kubernetes/pkg/credentialprovider"
)

type request struct {
	Image string `json:"image"`
	Auth  map[string]struct {
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"auth"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	encoder := json.NewEncoder(os.Stdout)

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var req request
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
			return fmt.Errorf("parse request: %w", err)
		}

		// As the kubelet's plugin package makes a keyring of an answer.
		config := credentialprovider.DockerConfig{}
		for key, pair := range req.Auth {
			config[key] = credentialprovider.DockerConfigEntry{Username: pair.Username, Password: pair.Password}
		}

		keyring := &credentialprovider.BasicDockerKeyring{}
		keyring.Add(nil, config)

		users := []string{}

		pairs, _ := keyring.Lookup(req.Image)
		for _, pair := range pairs {
			users = append(users, pair.Username)
		}

		if err := encoder.Encode(users); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}

	return lines.Err()
}
