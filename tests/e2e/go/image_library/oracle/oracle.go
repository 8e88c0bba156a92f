// Package oracle answers what the image library makes of a node's registries configuration and of an
// auth file: one question on each line of stdin, one answer on each line of stdout, both in JSON.
//
// It calls the library as its client of registries does (docker/docker_image_src.go and
// docker/docker_client.go of go.podman.io/image/v5) and decides nothing itself.
package oracle

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/docker/config"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"
)

// question is one node, with what is asked of it.
type question struct {
	// Files by absolute path, as on a node.
	Files map[string][]byte `json:"files"`
	// AuthFile is the content of the auth file that a pull is given; nil for a pull without one.
	AuthFile []byte `json:"authFile"`
	// Images to pull, with or without tag or digest.
	Images []string `json:"images"`
	// Repositories whose credentials are looked up, host[:port]/path.
	Repositories []string `json:"repositories"`
}

type answer struct {
	// Error refuses the configuration as a whole: no image can be pulled.
	Error             string   `json:"error,omitempty"`
	CredentialHelpers []string `json:"credentialHelpers,omitempty"`
	Pulls             []pull   `json:"pulls"`
	Lookups           []lookup `json:"lookups"`
}

// pull is what one image is pulled from.
type pull struct {
	// Error refuses the pull before any registry is asked.
	Error string `json:"error,omitempty"`
	// Prefix of the table that applies; empty for none.
	Prefix  string   `json:"prefix,omitempty"`
	Sources []source `json:"sources"`
}

type source struct {
	// Reference with tag or digest.
	Reference string `json:"reference"`
	// Repository is the reference without them.
	Repository string `json:"repository"`
	// Host that is contacted. It is empty where the library takes the whole name for a path.
	Host string `json:"host"`
	// BlockedBy is the prefix of the table that keeps this source from being contacted.
	BlockedBy string `json:"blockedBy,omitempty"`
}

// lookup holds each answer that was seen: where several keys of an auth file mean one host, the
// library takes them in no fixed order.
type lookup struct {
	Answers []credential `json:"answers"`
}

type credential struct {
	Error         string `json:"error,omitempty"`
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
}

// lookupTries is how often a credential is looked up, to see the answers that are left to chance.
const lookupTries = 8

// helpers are credential helpers that can be found, by the end of their name; others cannot. The
// first knows every host, the second none.
var helpers = map[string]string{
	"knows-all":  `echo '{"ServerURL":"x","Username":"of-helper","Secret":"of-helper"}'`,
	"knows-none": `echo 'credentials not found in native keychain'; exit 1`,
}

// Main answers questions until stdin ends; with the argument --version it only prints the version of
// the library that it was built with.
func Main(version string) {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version)
		return
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) (err error) {
	logrus.SetOutput(io.Discard)
	directory, err := os.MkdirTemp("", "image-library-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	if err := isolate(directory); err != nil {
		return err
	}

	questions := bufio.NewReader(in)
	answers := bufio.NewWriter(out)
	for number := 0; ; number++ {
		line, err := questions.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return answers.Flush()
		}
		if err != nil {
			return err
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			return fmt.Errorf("question %d: %w", number, err)
		}
		root := filepath.Join(directory, fmt.Sprintf("node-%d", number))
		answered, err := asked.answer(root)
		if err != nil {
			return fmt.Errorf("question %d: %w", number, err)
		}
		if err := json.NewEncoder(answers).Encode(answered); err != nil {
			return err
		}
		if err := answers.Flush(); err != nil {
			return err
		}
		if err := os.RemoveAll(root); err != nil {
			return err
		}
	}
}

// isolate keeps the machine's own configuration, its user's and its helpers out.
func isolate(directory string) error {
	bin := filepath.Join(directory, "bin")
	home := filepath.Join(directory, "home")
	for _, made := range []string{bin, home} {
		if err := os.Mkdir(made, 0o700); err != nil {
			return err
		}
	}
	for name, body := range helpers {
		script := "#!/bin/sh\n" + body + "\n"
		path := filepath.Join(bin, "docker-credential-"+name)
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			return err
		}
	}
	os.Clearenv()
	for name, value := range map[string]string{
		"PATH": bin,
		"HOME": home,
		// CRI-O runs as root, whoever runs this.
		"_CONTAINERS_ROOTLESS_UID": "0",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (asked question) answer(root string) (*answer, error) {
	for path, content := range asked.Files {
		if err := write(filepath.Join(root, path), content); err != nil {
			return nil, err
		}
	}
	authFile := filepath.Join(root, "auth.json")
	if asked.AuthFile != nil {
		if err := write(authFile, asked.AuthFile); err != nil {
			return nil, err
		}
	}
	sysregistriesv2.InvalidateCache()
	context := &types.SystemContext{
		RootForImplicitAbsolutePaths: root,
		AuthFilePath:                 authFile,
	}

	answered := &answer{Pulls: []pull{}, Lookups: []lookup{}}
	configured, err := sysregistriesv2.CredentialHelpers(context)
	if err != nil {
		answered.Error = strings.ReplaceAll(err.Error(), root, "")
		return answered, nil
	}
	answered.CredentialHelpers = configured
	for _, image := range asked.Images {
		pulled, err := pullOf(context, image)
		if err != nil {
			return nil, err
		}
		answered.Pulls = append(answered.Pulls, *pulled)
	}
	for _, repository := range asked.Repositories {
		found, err := lookUp(context, repository, root)
		if err != nil {
			return nil, err
		}
		answered.Lookups = append(answered.Lookups, *found)
	}
	return answered, nil
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

func pullOf(context *types.SystemContext, image string) (*pull, error) {
	parsed, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", image, err)
	}
	named := reference.TagNameOnly(parsed)
	table, err := sysregistriesv2.FindRegistry(context, named.Name())
	if err != nil {
		return nil, err
	}
	pulled := &pull{Sources: []source{}}
	if table == nil {
		table = &sysregistriesv2.Registry{
			Endpoint: sysregistriesv2.Endpoint{Location: named.String()},
			Prefix:   named.String(),
		}
	} else {
		pulled.Prefix = table.Prefix
	}
	rewritten, err := table.PullSourcesFromReference(named)
	if err != nil {
		pulled.Error = err.Error()
		return pulled, nil
	}
	for _, one := range rewritten {
		name := one.Reference.Name()
		own, err := sysregistriesv2.FindRegistry(context, name)
		if err != nil {
			return nil, err
		}
		found := source{Reference: one.Reference.String(), Repository: name, Host: reference.Domain(one.Reference)}
		if own != nil && own.Blocked {
			found.BlockedBy = own.Prefix
		}
		pulled.Sources = append(pulled.Sources, found)
	}
	return pulled, nil
}

func lookUp(context *types.SystemContext, repository, root string) (*lookup, error) {
	named, err := reference.ParseNormalizedNamed(repository)
	if err != nil {
		return nil, fmt.Errorf("repository %q: %w", repository, err)
	}
	if named.Name() != repository {
		return nil, fmt.Errorf("repository %q is %q in full", repository, named.Name())
	}
	found := &lookup{}
	for range lookupTries {
		one := credential{}
		login, err := config.GetCredentialsForRef(context, named)
		if err != nil {
			one.Error = strings.ReplaceAll(err.Error(), root, "")
		} else {
			one.Username = login.Username
			one.Password = login.Password
			one.IdentityToken = login.IdentityToken
		}
		known := false
		for _, earlier := range found.Answers {
			known = known || earlier == one
		}
		if !known {
			found.Answers = append(found.Answers, one)
		}
	}
	return found, nil
}
