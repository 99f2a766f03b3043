// SPDX-License-Identifier: Apache-2.0
//
// The objects that each cluster has: its own namespaces, and the flow schemas and priority levels without which a
// request is of no level. Until they are there, the server isn't ready.
package main

import (
	"context"
	"time"

	core "k8s.io/api/core/v1"
	flowcontrol "k8s.io/api/flowcontrol/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	flowclient "k8s.io/client-go/kubernetes/typed/flowcontrol/v1"
)

func bootstrapCluster(hook genericapiserver.PostStartHookContext) error {
	api, err := kubernetes.NewForConfig(hook.LoopbackClientConfig)
	if err != nil {
		return err
	}
	createNamespaces(hook, api.CoreV1())
	createFlowControl(hook, api.FlowcontrolV1())
	return hook.Err()
}

func createNamespaces(ctx context.Context, api coreclient.CoreV1Interface) {
	for _, name := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic,
		core.NamespaceNodeLease} {
		ensure(ctx, func() error {
			namespace := &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
			_, err := api.Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
			return err
		})
	}
}

func createFlowControl(ctx context.Context, api flowclient.FlowcontrolV1Interface) {
	for _, levels := range [][]*flowcontrol.PriorityLevelConfiguration{
		bootstrap.MandatoryPriorityLevelConfigurations, bootstrap.SuggestedPriorityLevelConfigurations} {
		for _, level := range levels {
			ensure(ctx, func() error {
				_, err := api.PriorityLevelConfigurations().Create(ctx, level, metav1.CreateOptions{})
				return err
			})
		}
	}
	for _, flows := range [][]*flowcontrol.FlowSchema{
		bootstrap.MandatoryFlowSchemas, bootstrap.SuggestedFlowSchemas} {
		for _, flow := range flows {
			ensure(ctx, func() error {
				_, err := api.FlowSchemas().Create(ctx, flow, metav1.CreateOptions{})
				return err
			})
		}
	}
}

// There, whether or not it was before. Until the server ends, because it has only just begun.
func ensure(ctx context.Context, create func() error) {
	_ = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(context.Context) (bool, error) {
		err := create()
		return err == nil || errors.IsAlreadyExists(err), nil
	})
}
