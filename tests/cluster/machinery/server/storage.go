// SPDX-License-Identifier: Apache-2.0
//
// Each kind in etcd, by the generic store that kube-apiserver uses as well: watch cache, streaming lists, resource
// versions, server-side apply and admission are those of k8s.io/apiserver.
package main

import (
	"context"
	"maps"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

func install(server *genericapiserver.GenericAPIServer, getter generic.RESTOptionsGetter) error {
	for _, group := range groups {
		resources := map[string]rest.Storage{}
		for _, kind := range group.kinds {
			storage, err := kind.storage(group.version, getter)
			if err != nil {
				return err
			}
			maps.Copy(resources, storage)
		}
		about := genericapiserver.NewDefaultAPIGroupInfo(group.version.Group, scheme, metav1.ParameterCodec, codecs)
		about.VersionedResourcesStorageMap[group.version.Version] = resources
		if err := installGroup(server, &about, group.version); err != nil {
			return err
		}
	}
	return nil
}

func installGroup(server *genericapiserver.GenericAPIServer, about *genericapiserver.APIGroupInfo,
	version schema.GroupVersion) error {
	if version.Group == core.GroupName {
		return server.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, about)
	}
	return server.InstallAPIGroup(about)
}

func (k kind) storage(version schema.GroupVersion, getter generic.RESTOptionsGetter) (map[string]rest.Storage, error) {
	plural, singular := k.resources(version)
	store := &registry.Store{
		NewFunc:                   k.new,
		NewListFunc:               func() runtime.Object { return k.newList(version) },
		DefaultQualifiedResource:  plural,
		SingularQualifiedResource: singular,
		CreateStrategy:            strategyOf(k),
		UpdateStrategy:            strategyOf(k),
		DeleteStrategy:            strategyOf(k),
		TableConvertor:            rest.NewDefaultTableConvertor(plural),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: getter, AttrFunc: selectable}); err != nil {
		return nil, err
	}
	storage := map[string]rest.Storage{plural.Resource: &resource{store, k.short}}
	if k.hasStatus() {
		status := *store
		status.UpdateStrategy = statusStrategy{strategyOf(k)}
		storage[plural.Resource+"/status"] = &statusResource{&status}
	}
	return storage, nil
}

type resource struct {
	*registry.Store
	short string
}

func (r *resource) ShortNames() []string {
	if r.short == "" {
		return nil
	}
	return []string{r.short}
}

// It has no more of a resource than can be done with a status.
type statusResource struct{ store *registry.Store }

func (r *statusResource) New() runtime.Object { return r.store.NewFunc() }

func (r *statusResource) Destroy() {} // the resource itself does

func (r *statusResource) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

func (r *statusResource) Update(ctx context.Context, name string, object rest.UpdatedObjectInfo,
	create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions,
) (runtime.Object, bool, error) {
	return r.store.Update(ctx, name, object, create, update, false, options)
}

func selectable(object runtime.Object) (labels.Set, fields.Set, error) {
	about, err := meta.Accessor(object)
	if err != nil {
		return nil, nil, err
	}
	set := fields.Set{"metadata.name": about.GetName(), "metadata.namespace": about.GetNamespace()}
	switch one := object.(type) {
	case *core.Pod:
		set["spec.nodeName"] = one.Spec.NodeName
		set["spec.serviceAccountName"] = one.Spec.ServiceAccountName
		set["status.phase"] = string(one.Status.Phase)
	case *core.Secret:
		set["type"] = string(one.Type)
	case *core.Event:
		set["involvedObject.kind"] = one.InvolvedObject.Kind
		set["involvedObject.name"] = one.InvolvedObject.Name
	}
	return about.GetLabels(), set, nil
}
