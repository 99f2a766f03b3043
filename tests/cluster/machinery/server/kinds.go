// SPDX-License-Identifier: Apache-2.0
//
// What is served beside custom resources, and as what: each kind of k8s.io/api is its own internal version, because the
// internal types, with their conversions, defaults and validation, are in k8s.io/kubernetes, which isn't packaged.
package main

import (
	"reflect"

	admission "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	flowcontrol "k8s.io/api/flowcontrol/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

type scope bool

const (
	cluster    scope = false
	namespaced scope = true
)

// The rest follows from the type: its names, its list, and whether it has a status.
type kind struct {
	scope  scope
	object runtime.Object
	short  string // for kubectl, or empty
}

type apiGroup struct {
	version schema.GroupVersion
	add     func(*runtime.Scheme) error
	kinds   []kind
}

var groups = []apiGroup{
	{core.SchemeGroupVersion, core.AddToScheme, []kind{
		{cluster, &core.Namespace{}, "ns"},
		{cluster, &core.Node{}, "no"},
		{namespaced, &core.Pod{}, "po"},
		{namespaced, &core.Service{}, "svc"},
		{namespaced, &core.Endpoints{}, "ep"},
		{namespaced, &core.ConfigMap{}, "cm"},
		{namespaced, &core.Secret{}, ""},
		{namespaced, &core.ServiceAccount{}, "sa"},
		{namespaced, &core.Event{}, "ev"},
	}},
	{admission.SchemeGroupVersion, admission.AddToScheme, []kind{
		{cluster, &admission.ValidatingAdmissionPolicy{}, ""},
		{cluster, &admission.ValidatingAdmissionPolicyBinding{}, ""},
		{cluster, &admission.MutatingAdmissionPolicy{}, ""},
		{cluster, &admission.MutatingAdmissionPolicyBinding{}, ""},
		{cluster, &admission.ValidatingWebhookConfiguration{}, ""},
		{cluster, &admission.MutatingWebhookConfiguration{}, ""},
	}},
	{flowcontrol.SchemeGroupVersion, flowcontrol.AddToScheme, []kind{
		{cluster, &flowcontrol.FlowSchema{}, ""},
		{cluster, &flowcontrol.PriorityLevelConfiguration{}, ""},
	}},
	{networking.SchemeGroupVersion, networking.AddToScheme, []kind{
		{namespaced, &networking.NetworkPolicy{}, "netpol"},
	}},
	{discovery.SchemeGroupVersion, discovery.AddToScheme, []kind{{namespaced, &discovery.EndpointSlice{}, ""}}},
	{coordination.SchemeGroupVersion, coordination.AddToScheme, []kind{{namespaced, &coordination.Lease{}, ""}}},
	{policy.SchemeGroupVersion, policy.AddToScheme, []kind{{namespaced, &policy.PodDisruptionBudget{}, "pdb"}}},
	{rbac.SchemeGroupVersion, rbac.AddToScheme, []kind{
		{cluster, &rbac.ClusterRole{}, ""},
		{cluster, &rbac.ClusterRoleBinding{}, ""},
		{namespaced, &rbac.Role{}, ""},
		{namespaced, &rbac.RoleBinding{}, ""},
	}},
	{apps.SchemeGroupVersion, apps.AddToScheme, []kind{
		{namespaced, &apps.DaemonSet{}, "ds"},
		{namespaced, &apps.Deployment{}, "deploy"},
		{namespaced, &apps.ReplicaSet{}, "rs"},
		{namespaced, &apps.StatefulSet{}, "sts"},
	}},
}

var (
	scheme = runtime.NewScheme()
	codecs = serializer.NewCodecFactory(scheme)
)

func init() {
	for _, group := range groups {
		utilruntime.Must(group.add(scheme))
		internal := schema.GroupVersion{Group: group.version.Group, Version: runtime.APIVersionInternal}
		for _, kind := range group.kinds {
			scheme.AddKnownTypes(internal, kind.object, kind.newList(group.version))
			utilruntime.Must(scheme.AddFieldLabelConversionFunc(group.version.WithKind(kind.name()), asItIs))
		}
		utilruntime.Must(scheme.SetVersionPriority(group.version))
	}
	scheme.AddUnversionedTypes(schema.GroupVersion{Version: "v1"}, &metav1.Status{}, &metav1.APIVersions{},
		&metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
	addDefaults(scheme)
}

// Selectors by field have the same names in each version; selectable() says which there are.
func asItIs(label, value string) (string, string, error) { return label, value, nil }

func versions() []schema.GroupVersion {
	all := []schema.GroupVersion{}
	for _, group := range groups {
		all = append(all, group.version)
	}
	return all
}

func (k kind) structure() reflect.Type { return reflect.TypeOf(k.object).Elem() }

func (k kind) name() string { return k.structure().Name() }

func (k kind) new() runtime.Object { return reflect.New(k.structure()).Interface().(runtime.Object) }

func (k kind) newList(version schema.GroupVersion) runtime.Object {
	list, err := scheme.New(version.WithKind(k.name() + "List"))
	utilruntime.Must(err)
	return list
}

func (k kind) hasStatus() bool {
	_, ok := k.structure().FieldByName("Status")
	return ok
}

// "pods" and "pod".
func (k kind) resources(version schema.GroupVersion) (plural, singular schema.GroupResource) {
	several, one := meta.UnsafeGuessKindToResource(version.WithKind(k.name()))
	return several.GroupResource(), one.GroupResource()
}
