// SPDX-License-Identifier: Apache-2.0
//
// Defaults without which the machinery of k8s.io/apiserver wouldn't do what it does in a cluster. Those of
// k8s.io/kubernetes are far more.
package main

import (
	admission "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	flowcontrol "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func addDefaults(scheme *runtime.Scheme) {
	addDefault(scheme, defaultNamespace)
	addDefault(scheme, defaultPolicy)
	addDefault(scheme, defaultBinding)
	addDefault(scheme, defaultFlowSchema)
	addDefault(scheme, defaultPriorityLevel)
}

func addDefault[T any](scheme *runtime.Scheme, fill func(*T)) {
	scheme.AddTypeDefaultingFunc(any(new(T)).(runtime.Object), func(object any) { fill(object.(*T)) })
}

func defaultNamespace(namespace *core.Namespace) {
	if namespace.Name != "" {
		metav1.SetMetaDataLabel(&namespace.ObjectMeta, core.LabelMetadataName, namespace.Name)
	}
	unlessGiven(&namespace.Status.Phase, core.NamespaceActive)
}

func defaultPolicy(policy *admission.ValidatingAdmissionPolicy) {
	unlessSet(&policy.Spec.FailurePolicy, admission.Fail)
	defaultMatch(policy.Spec.MatchConstraints)
}

func defaultBinding(binding *admission.ValidatingAdmissionPolicyBinding) {
	defaultMatch(binding.Spec.MatchResources)
	if binding.Spec.ParamRef != nil {
		unlessSet(&binding.Spec.ParamRef.ParameterNotFoundAction, admission.DenyAction)
	}
}

func defaultMatch(match *admission.MatchResources) {
	if match == nil {
		return
	}
	unlessSet(&match.MatchPolicy, admission.Equivalent)
	unlessSet(&match.NamespaceSelector, metav1.LabelSelector{})
	unlessSet(&match.ObjectSelector, metav1.LabelSelector{})
	for _, rules := range [][]admission.NamedRuleWithOperations{match.ResourceRules, match.ExcludeResourceRules} {
		for i := range rules {
			unlessSet(&rules[i].Scope, admission.AllScopes)
		}
	}
}

func defaultFlowSchema(flow *flowcontrol.FlowSchema) {
	unlessGiven(&flow.Spec.MatchingPrecedence, 1000)
}

func defaultPriorityLevel(level *flowcontrol.PriorityLevelConfiguration) {
	limited := level.Spec.Limited
	if limited == nil {
		return
	}
	unlessSet(&limited.NominalConcurrencyShares, 30)
	unlessSet(&limited.LendablePercent, 0)
	if queuing := limited.LimitResponse.Queuing; queuing != nil {
		unlessGiven(&queuing.Queues, 64)
		unlessGiven(&queuing.HandSize, 8)
		unlessGiven(&queuing.QueueLengthLimit, 50)
	}
}

func unlessSet[T any](value **T, otherwise T) {
	if *value == nil {
		*value = &otherwise
	}
}

func unlessGiven[T comparable](value *T, otherwise T) {
	var none T
	if *value == none {
		*value = otherwise
	}
}
