// SPDX-License-Identifier: Apache-2.0
//
// Who is who, by tokens in a file, and who may do what. RBAC is in k8s.io/kubernetes too, so everybody who has a token
// may do everything that the API does. Other verbs mean nothing to an API server; they are there to be asked for, by
// admission policies. These have the members of system:masters, and whoever is in a group that is called after the
// right: "set namespacelabels.bulkhead.dev/capsule".
package main

import (
	"context"
	"slices"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/tokenfile"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

var verbsOfTheAPI = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

func readTokens(file string) (authenticator.Request, error) {
	tokens, err := tokenfile.NewCSV(file)
	if err != nil {
		return nil, err
	}
	return group.NewAuthenticatedGroupAdder(bearertoken.New(tokens)), nil
}

func authorize(_ context.Context, asked authorizer.Attributes) (authorizer.Decision, string, error) {
	right := asked.GetVerb() + " " + asked.GetResource() + "." + asked.GetAPIGroup() + "/" + asked.GetName()
	groups := asked.GetUser().GetGroups()
	if !asked.IsResourceRequest() || slices.Contains(verbsOfTheAPI, asked.GetVerb()) ||
		slices.Contains(groups, user.SystemPrivilegedGroup) || slices.Contains(groups, right) {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, "only the group \"" + right + "\" may", nil
}
