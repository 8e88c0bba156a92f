// Command kubelet runs the kubelet's own credential provider code: its validation of the
// configuration, its token requests, its execution of the plugin and its cache.
//
// It reads one JSON request per line from stdin and answers each with one line on stdout, in the
// order in which the answers come.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/credentialprovider/plugin"
)

type request struct {
	ID             string `json:"id"`
	Namespace      string `json:"namespace"`
	Pod            string `json:"pod"`
	PodUID         string `json:"podUID"`
	ServiceAccount string `json:"serviceAccount"`
	Image          string `json:"image"`
}

type answer struct {
	ID string `json:"id"`
	// Log is what the kubelet logged since the previous answer.
	Log string `json:"log"`
}

func main() {
	config := flag.String("config", "", "the CredentialProviderConfig")
	binDir := flag.String("bin-dir", "", "the directory of the plugin")
	kubeconfig := flag.String("kubeconfig", "", "the node's kubeconfig")
	flag.Parse()

	if err := run(*config, *binDir, *kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(config, binDir, kubeconfig string) error {
	log := &logBuffer{}

	klogFlags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(klogFlags)

	if err := klogFlags.Parse([]string{"-logtostderr=false", "-stderrthreshold=FATAL"}); err != nil {
		return fmt.Errorf("set up log: %w", err)
	}

	klog.SetOutput(log)

	restConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}

	// Fifty pods at once are not to wait for the client's own rate limit.
	restConfig.QPS, restConfig.Burst = 200, 200

	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return fmt.Errorf("create client: %w", err)
	}

	getServiceAccount := func(namespace, name string) (*corev1.ServiceAccount, error) {
		return client.CoreV1().ServiceAccounts(namespace).Get(context.Background(), name, metav1.GetOptions{})
	}

	if err := plugin.RegisterCredentialProviderPlugins(config, binDir, tokenRequester(client), getServiceAccount); err != nil {
		return fmt.Errorf("register plugins: %w", err)
	}

	return serve(log)
}

// tokenRequester asks for tokens as the kubelet does. The node authorizer hears of a new pod a
// moment after it was created, so a refusal is given some time to go away.
func tokenRequester(client kubernetes.Interface) func(string, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
	return func(namespace, name string, tr *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		var (
			token *authenticationv1.TokenRequest
			last  error
		)

		err := wait.PollUntilContextTimeout(context.Background(), 100*time.Millisecond, 5*time.Second, true, func(ctx context.Context) (bool, error) {
			token, last = client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, tr, metav1.CreateOptions{})

			return !apierrors.IsForbidden(last), nil
		})
		if last != nil {
			return nil, last
		}

		return token, err
	}
}

func serve(log *logBuffer) error {
	var (
		output  sync.Mutex
		pending sync.WaitGroup
	)

	encoder := json.NewEncoder(os.Stdout)

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var req request
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
			return fmt.Errorf("parse request: %w", err)
		}

		pending.Go(func() {
			keyring := plugin.NewExternalCredentialProviderDockerKeyring(req.Namespace, req.Pod, req.PodUID, req.ServiceAccount)
			keyring.Lookup(req.Image)
			klog.Flush()

			output.Lock()
			defer output.Unlock()

			if err := encoder.Encode(answer{ID: req.ID, Log: log.take()}); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}

	pending.Wait()

	return lines.Err()
}

// logBuffer holds what klog writes until it is taken.
type logBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	return l.buffer.Write(p)
}

func (l *logBuffer) take() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	defer l.buffer.Reset()

	return l.buffer.String()
}
