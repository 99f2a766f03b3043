// SPDX-License-Identifier: Apache-2.0
//
// Custom resources, by a server beneath ours, as kube-apiserver does it: a path that isn't ours is theirs.
package main

import (
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	extensions "k8s.io/apiextensions-apiserver/pkg/apiserver"
	extensionsinformers "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions"
	extensionsoptions "k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	extensionsopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/webhook"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
)

func (s *settings) extensions(
	above *genericapiserver.RecommendedConfig) (*extensions.CustomResourceDefinitions, error) {
	config := above.Config
	config.PostStartHooks = map[string]genericapiserver.PostStartHookConfigEntry{}
	config.RESTOptionsGetter = nil
	etcd := *s.etcd
	etcd.SkipHealthEndpoints = true
	etcd.StorageConfig.Codec = extensions.Codecs.LegacyCodec(apiextensions.SchemeGroupVersion)
	if err := etcd.ApplyTo(&config); err != nil {
		return nil, err
	}
	config.MergedResourceConfig = extensions.DefaultAPIResourceConfigSource()
	config.OpenAPIConfig = nil // theirs is added to ours
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(extensionsopenapi.GetOpenAPIDefinitions,
		openapinamer.NewDefinitionNamer(extensions.Scheme, clientscheme.Scheme))
	beneath := extensions.Config{
		GenericConfig: &genericapiserver.RecommendedConfig{
			Config:                config,
			SharedInformerFactory: above.SharedInformerFactory,
		},
		ExtraConfig: extensions.ExtraConfig{
			CRDRESTOptionsGetter: extensionsoptions.NewCRDRESTOptionsGetter(etcd, config.ResourceTransformers,
				config.StorageObjectCountTracker),
			ServiceResolver: webhook.NewDefaultServiceResolver(),
			AuthResolverWrapper: webhook.NewDefaultAuthenticationInfoResolverWrapper(nil, nil,
				config.LoopbackClientConfig, nooptrace.NewTracerProvider()),
			MasterCount: 1,
		},
	}
	return beneath.Complete().New(genericapiserver.NewEmptyDelegate())
}

// The list of groups at /apis is the aggregator's in a cluster; there is none here.
func advertise(groups groupManager, informers extensionsinformers.SharedInformerFactory) error {
	groups.AddGroup(groupOf(apiextensions.GroupName, "v1"))
	add := func(object any) {
		definition := object.(*apiextensions.CustomResourceDefinition)
		served := []string{}
		for _, version := range definition.Spec.Versions {
			if version.Served {
				served = append(served, version.Name)
			}
		}
		if len(served) > 0 {
			groups.AddGroup(groupOf(definition.Spec.Group, served...))
		}
	}
	_, err := informers.Apiextensions().V1().CustomResourceDefinitions().Informer().AddEventHandler(
		cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, object any) { add(object) }})
	return err
}

type groupManager interface{ AddGroup(metav1.APIGroup) }

// With the first of its versions preferred.
func groupOf(name string, versions ...string) metav1.APIGroup {
	group := metav1.APIGroup{Name: name}
	for _, version := range versions {
		group.Versions = append(group.Versions, metav1.GroupVersionForDiscovery{
			GroupVersion: name + "/" + version,
			Version:      version,
		})
	}
	group.PreferredVersion = group.Versions[0]
	return group
}
