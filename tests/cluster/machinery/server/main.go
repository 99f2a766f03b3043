// SPDX-License-Identifier: Apache-2.0
//
// An API server of Kubernetes' own libraries, for tests: custom resources by k8s.io/apiextensions-apiserver, the kinds
// of kinds.go by k8s.io/apiserver, with admission policies and webhooks, priority and fairness. It is not
// kube-apiserver; ../README.md says what is missing.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/discovery/aggregated"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"

	"machinery/openapi"
)

const (
	name   = "machinery"
	resync = 10 * time.Minute // of informers, as kube-apiserver's
)

type settings struct {
	run       *options.ServerRunOptions
	etcd      *options.EtcdOptions
	serving   *options.SecureServingOptionsWithLoopback
	admission *options.AdmissionOptions
	features  *options.FeatureOptions
	tokens    string
}

func main() {
	storage := storagebackend.NewDefaultConfig("/registry", codecs.LegacyCodec(versions()...))
	s := settings{
		run:       options.NewServerRunOptions(),
		etcd:      options.NewEtcdOptions(storage),
		serving:   options.NewSecureServingOptions().WithLoopback(),
		admission: options.NewAdmissionOptions(),
		features:  options.NewFeatureOptions(),
	}
	s.parse(os.Args[1:])
	if err := s.serve(genericapiserver.SetupSignalContext()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Those of kube-apiserver, as far as the parts are here.
func (s *settings) parse(arguments []string) {
	flags := pflag.NewFlagSet(name, pflag.ExitOnError)
	s.run.AddUniversalFlags(flags)
	s.etcd.AddFlags(flags)
	s.serving.AddFlags(flags)
	s.admission.AddFlags(flags)
	s.features.AddFlags(flags)
	flags.StringVar(&s.tokens, "token-auth-file", "", "who there is: lines of token,user,uid,\"groups\"")
	_ = flags.Parse(arguments) // ends by itself
}

func (s *settings) serve(ctx context.Context) error {
	config, err := s.config()
	if err != nil {
		return err
	}
	beneath, err := s.extensions(config)
	if err != nil {
		return err
	}
	server, err := config.Complete().New(name, beneath.GenericAPIServer)
	if err != nil {
		return err
	}
	if err := install(server, config.RESTOptionsGetter); err != nil {
		return err
	}
	if err := advertise(server.DiscoveryGroupManager, beneath.Informers); err != nil {
		return err
	}
	server.AddPostStartHookOrDie("bootstrap", bootstrapCluster)
	return server.PrepareRun().RunWithContext(ctx)
}

func (s *settings) config() (*genericapiserver.RecommendedConfig, error) {
	config := genericapiserver.NewRecommendedConfig(codecs)
	for _, configure := range []func(*genericapiserver.RecommendedConfig) error{
		s.configureServing, s.configureAccess, s.configureClients,
	} {
		if err := configure(config); err != nil {
			return nil, err
		}
	}
	config.MergedResourceConfig = serverstorage.NewResourceConfig()
	// Shared with the server beneath: that is how clients learn of custom resources.
	config.AggregatedDiscoveryGroupManager = aggregated.NewResourceManager("apis")
	namer := openapinamer.NewDefinitionNamer(scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title, config.OpenAPIV3Config.Info.Title = name, name
	return config, nil
}

func (s *settings) configureServing(config *genericapiserver.RecommendedConfig) error {
	if err := s.run.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := s.run.Complete(); err != nil {
		return err
	}
	if err := s.run.ApplyTo(&config.Config); err != nil {
		return err
	}
	if err := s.etcd.ApplyTo(&config.Config); err != nil {
		return err
	}
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	if err := s.serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, loopback); err != nil {
		return err
	}
	return s.serving.ApplyToConfig(&config.Config)
}

func (s *settings) configureAccess(config *genericapiserver.RecommendedConfig) error {
	tokens, err := readTokens(s.tokens)
	if err != nil {
		return err
	}
	config.Authentication.Authenticator = tokens
	config.Authorization.Authorizer = authorizer.AuthorizerFunc(authorize)
	return nil
}

// What is a client of the server that it is part of: admission, priority and fairness.
func (s *settings) configureClients(config *genericapiserver.RecommendedConfig) error {
	config.ClientConfig = config.LoopbackClientConfig
	typed, err := kubernetes.NewForConfig(config.ClientConfig)
	if err != nil {
		return err
	}
	untyped, err := dynamic.NewForConfig(config.ClientConfig)
	if err != nil {
		return err
	}
	config.SharedInformerFactory = informers.NewSharedInformerFactory(typed, resync)
	if err := s.features.ApplyTo(&config.Config, typed, config.SharedInformerFactory); err != nil {
		return err
	}
	return s.admission.ApplyTo(&config.Config, config.SharedInformerFactory, typed, untyped,
		utilfeature.DefaultFeatureGate, config.EffectiveVersion)
}
