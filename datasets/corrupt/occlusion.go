package corrupt

import (
	"math"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	Register(Corruption{
		Name: "occlusion",
		Doc: "keep the points visible to a camera on one side and above, 1024 points, then scale to the unit box; " +
			"severity is the side, not the strength",
		Source:    modelNet40C + " and occlusion.py",
		Note:      ownRenderer,
		Levels:    views,
		Unordered: true,
		Cloud:     occlusion,
	})
}

var views = [Severities]string{
	"view about 72 degrees", "view about 144 degrees", "view about 216 degrees", "view about 288 degrees",
	"view about 360 degrees",
}

func occlusion(rng Rand, severity int, c *Cloud) {
	angleX := uniform(rng, 2*math.Pi/3, 5*math.Pi/6)
	cam := newCamera(angleX, viewAngle(rng, severity), 3)
	c.Points = c.view(rng, cam, min(len(c.Points), modelNet40CPoints))
	for i, p := range c.Points {
		c.Points[i] = toMesh(p)
	}
	c.normalize(datasets.UnitBox)
}
