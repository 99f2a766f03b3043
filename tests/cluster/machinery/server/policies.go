// SPDX-License-Identifier: Apache-2.0
//
// An admission policy is refused if it doesn't compile, or lacks a field that has to be there; by the compiler that
// k8s.io/kubernetes/pkg/apis/admissionregistration/validation calls, too. No other kind is looked at.
package main

import (
	admission "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"
)

var spec = field.NewPath("spec")

func validate(object runtime.Object) field.ErrorList {
	policy, ok := object.(*admission.ValidatingAdmissionPolicy)
	if !ok {
		return nil
	}
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	compiler, err := plugincel.NewCompositedCompiler(base)
	if err != nil {
		return field.ErrorList{field.InternalError(spec, err)}
	}
	v := validation{compiler, plugincel.OptionalVariableDeclarations{
		HasParams:     policy.Spec.ParamKind != nil,
		HasAuthorizer: true,
	}, nil}
	v.requireFields(&policy.Spec)
	v.compileVariables(policy.Spec.Variables) // first: the others refer to them
	v.compileConditions(policy.Spec.MatchConditions)
	v.compileValidations(policy.Spec.Validations)
	v.compileAnnotations(policy.Spec.AuditAnnotations)
	return v.errors
}

type validation struct {
	compiler *plugincel.CompositedCompiler
	options  plugincel.OptionalVariableDeclarations
	errors   field.ErrorList
}

func (v *validation) requireFields(policy *admission.ValidatingAdmissionPolicySpec) {
	if policy.MatchConstraints == nil || len(policy.MatchConstraints.ResourceRules) == 0 {
		v.errors = append(v.errors, field.Required(spec.Child("matchConstraints", "resourceRules"), ""))
	}
	if len(policy.Validations) == 0 && len(policy.AuditAnnotations) == 0 {
		v.errors = append(v.errors, field.Required(spec.Child("validations"), "validations or auditAnnotations"))
	}
}

func (v *validation) compileVariables(variables []admission.Variable) {
	for i, each := range variables {
		accessor := &validating.Variable{Name: each.Name, Expression: each.Expression}
		v.report(spec.Child("variables").Index(i).Child("expression"), each.Expression,
			v.compiler.CompileAndStoreVariable(accessor, v.options, environment.NewExpressions))
	}
}

func (v *validation) compileConditions(conditions []admission.MatchCondition) {
	for i := range conditions {
		condition := (*matchconditions.MatchCondition)(&conditions[i])
		v.compile(spec.Child("matchConditions").Index(i).Child("expression"), condition)
	}
}

func (v *validation) compileValidations(validations []admission.Validation) {
	for i, each := range validations {
		path := spec.Child("validations").Index(i)
		v.compile(path.Child("expression"), &validating.ValidationCondition{Expression: each.Expression})
		if each.MessageExpression != "" {
			message := &validating.MessageExpressionCondition{MessageExpression: each.MessageExpression}
			v.compile(path.Child("messageExpression"), message)
		}
	}
}

func (v *validation) compileAnnotations(annotations []admission.AuditAnnotation) {
	for i, each := range annotations {
		value := &validating.AuditAnnotationCondition{Key: each.Key, ValueExpression: each.ValueExpression}
		v.compile(spec.Child("auditAnnotations").Index(i).Child("valueExpression"), value)
	}
}

func (v *validation) compile(path *field.Path, expression plugincel.ExpressionAccessor) {
	v.report(path, expression.GetExpression(),
		v.compiler.CompileCELExpression(expression, v.options, environment.NewExpressions))
}

func (v *validation) report(path *field.Path, expression string, result plugincel.CompilationResult) {
	if result.Error != nil {
		v.errors = append(v.errors, field.Invalid(path, expression, result.Error.Error()))
	}
}
