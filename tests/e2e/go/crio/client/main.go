package main
import (
 _ "k8s.io/cri-api/pkg/apis/runtime/v1"
 _ "google.golang.org/grpc"
)
func main(){}
