package onnxmerge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// keyGeneration is raised when a change of the code makes the same plan give other bytes.
const keyGeneration = 1

// keyDecision is the part of a decision that determines the merged payload.
type keyDecision struct {
	Tensor string        `json:"tensor"`
	Action string        `json:"action"`
	From   []string      `json:"from,omitempty"` // the tensors it is merged from
	Perm   [][]int       `json:"perm,omitempty"` // the orders of their axes
	Fold   []bool        `json:"fold,omitempty"`
	How    pair.How      `json:"how,omitempty"`
	Params method.Params `json:"params,omitempty"`
}

// Key returns a hash of everything that determines the merged model: the files of all models, the method, and the
// decision about every tensor. Plans with equal keys write the same tensors. It reads the models once, to hash them.
func (p *Plan) Key(ctx context.Context) (string, error) {
	parts := struct {
		Generation int
		Method     string
		Params     method.Params
		Files      [][]onnx.File
		Decisions  []keyDecision
		Statistics Statistics `json:",omitempty"`
		Nonfinite  bool       `json:",omitempty"`
		Measured   []string   `json:",omitempty"` // tensors with measured payloads, and their hashes
	}{Generation: keyGeneration, Method: p.Method.Name, Params: p.Params, Statistics: p.planner.opt.Statistics.recorded(),
		Nonfinite: p.planner.opt.AllowNonfinite}
	for _, m := range p.planner.inputs() {
		files, err := m.Files(ctx)
		if err != nil {
			return "", err
		}
		parts.Files = append(parts.Files, files)
	}
	for i := range p.planner.decisions {
		d := &p.planner.decisions[i]
		parts.Decisions = append(parts.Decisions, d.key())
		if payload, ok := p.planner.measured[d.b]; ok {
			parts.Measured = append(parts.Measured, fmt.Sprintf("%s %x", d.Tensor, sha256.Sum256(payload)))
		}
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (d *decision) key() keyDecision {
	k := keyDecision{Tensor: d.Tensor, Action: d.Action.String()}
	if d.Action != Merge {
		return k
	}
	k.How, k.Params = d.how, d.params
	if d.fold != nil {
		k.How = pair.ByPart // keys of generation 1 have this for every fold
	}
	k.add(d)
	for i := range d.further {
		k.add(&d.further[i])
	}
	for i := range d.fisher {
		k.add(&d.fisher[i])
	}
	return k
}

// add appends one of the tensors that are merged.
func (k *keyDecision) add(d *decision) {
	name := ""
	if d.a != nil {
		name = d.a.ID()
	}
	k.From, k.Perm = append(k.From, name), append(k.Perm, d.perm)
	k.Fold = append(k.Fold, d.fold != nil)
}
