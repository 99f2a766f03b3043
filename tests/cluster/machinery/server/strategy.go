// SPDX-License-Identifier: Apache-2.0
//
// What happens to an object on its way into the store: by the resource its status stays as it was, by the subresource
// "status" everything else does.
package main

import (
	"context"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage/names"
)

type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind kind
}

func strategyOf(k kind) strategy { return strategy{scheme, names.SimpleNameGenerator, k} }

func (s strategy) NamespaceScoped() bool { return s.kind.scope == namespaced }

func (s strategy) AllowCreateOnUpdate() bool { return false }

func (s strategy) AllowUnconditionalUpdate() bool { return true }

func (s strategy) Canonicalize(runtime.Object) {}

func (s strategy) PrepareForCreate(context.Context, runtime.Object) {}

func (s strategy) Validate(_ context.Context, object runtime.Object) field.ErrorList {
	return validate(object)
}

func (s strategy) ValidateUpdate(_ context.Context, object, _ runtime.Object) field.ErrorList {
	return validate(object)
}

func (s strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

func (s strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func (s strategy) PrepareForUpdate(_ context.Context, object, old runtime.Object) {
	if s.kind.hasStatus() {
		part(object, "Status").Set(part(old, "Status"))
	}
}

type statusStrategy struct{ strategy }

func (s statusStrategy) PrepareForUpdate(_ context.Context, object, old runtime.Object) {
	changed := metadata(object)
	kept := metadata(old).DeepCopy()
	kept.ResourceVersion, kept.ManagedFields = changed.ResourceVersion, changed.ManagedFields
	*changed = *kept
	if spec := part(object, "Spec"); spec.IsValid() {
		spec.Set(part(old, "Spec"))
	}
}

func part(object runtime.Object, name string) reflect.Value {
	return reflect.ValueOf(object).Elem().FieldByName(name)
}

func metadata(object runtime.Object) *metav1.ObjectMeta {
	return part(object, "ObjectMeta").Addr().Interface().(*metav1.ObjectMeta)
}
