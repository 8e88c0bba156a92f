// Command pull pulls an image by the container runtime interface, as the kubelet does: with each pair in
// turn until one of the pulls succeeds.
//
// Its arguments are the runtime's socket and the image; the pairs come from stdin as a JSON list of
// objects with username and password. It prints the number of the pair that succeeded, from 0.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type pair struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("usage: pull SOCKET IMAGE")
	}

	var pairs []pair
	if err := json.NewDecoder(os.Stdin).Decode(&pairs); err != nil {
		return fmt.Errorf("parse pairs: %w", err)
	}

	connection, err := grpc.NewClient("unix://"+os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}

	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	images := runtime.NewImageServiceClient(connection)
	image := &runtime.ImageSpec{Image: os.Args[2]}

	// Without a pair the kubelet pulls once, without credentials.
	if len(pairs) == 0 {
		_, err := images.PullImage(ctx, &runtime.PullImageRequest{Image: image})
		return err
	}

	var failures []error

	for index, pair := range pairs {
		_, err := images.PullImage(ctx, &runtime.PullImageRequest{
			Image: image,
			Auth:  &runtime.AuthConfig{Username: pair.Username, Password: pair.Password},
		})
		if err == nil {
			fmt.Println(index)

			return nil
		}

		failures = append(failures, err)
	}

	return errors.Join(failures...)
}
