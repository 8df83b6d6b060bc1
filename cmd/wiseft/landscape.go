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
}

func (o *landscapeOptions) flags() []cli.Flag {
	return section("",
		define(&o.third, "landscape", "measure the loss of validation data on the plane through PRETRAINED, FINETUNED and a third "+
			"model, too: `MODEL.onnx`, another fine-tune; repair, the repaired mix at the chosen alpha; or repair:ALPHA").env(),
		define(&o.samples, "landscape-samples", "`N` samples of the training and of the validation data each, at each of the plane's 133 "+
			"points").shown(fmt.Sprint(wiseft.LandscapeSamples)).env(),
	)
}

// options returns the library's options; nil without --landscape.
func (o *landscapeOptions) options(c *call) (*wiseft.LandscapeOptions, error) {
	if o.third == "" {
		if c.IsSet("landscape-samples") {
			return nil, usagef("--landscape-samples needs --landscape")
		}
		return nil, nil
	}
	opt := &wiseft.LandscapeOptions{Samples: o.samples}
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
