package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// landscapeOptions are the flags of a sweep's plane of models.
type landscapeOptions struct {
	third   string
	samples int
	side    int
}

func (o *landscapeOptions) flags() []cli.Flag {
	return section("",
		define(&o.third, "landscape", "measure the loss of validation data on the plane through PRETRAINED, FINETUNED and a third "+
			"model, too: `MODEL.onnx`, another fine-tune; repair, the repaired mix at the chosen alpha; or repair:ALPHA").env(),
		define(&o.samples, "landscape-samples", "`N` samples of the training and of the validation data each, at every point of "+
			"the plane").shown(fmt.Sprint(wiseft.LandscapeSamples)).env(),
		define(&o.side, "landscape-side", "`N` points of a side of the plane's grid; 12 more are on the line and the third model").
			shown(fmt.Sprint(wiseft.LandscapeSide)).env(),
	)
}

// options returns the library's options; nil without --landscape.
func (o *landscapeOptions) options(c *call) (*wiseft.LandscapeOptions, error) {
	if o.third == "" {
		for _, flag := range []string{"landscape-samples", "landscape-side"} {
			if c.IsSet(flag) {
				return nil, usagef("--%s needs --landscape", flag)
			}
		}
		return nil, nil
	}
	opt := &wiseft.LandscapeOptions{Samples: o.samples, Side: o.side}
	text, isRepair := strings.CutPrefix(o.third, "repair")
	switch {
	case isRepair && text == "":
	case isRepair && strings.HasPrefix(text, ":"):
		alpha, err := strconv.ParseFloat(text[1:], 64)
		if err != nil {
			return nil, usagef("--landscape %s is not repair:ALPHA", o.third)
		}
		opt.Alpha = &alpha
	default:
		opt.Third = o.third
	}
	return opt, nil
}
