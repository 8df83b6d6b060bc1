package datasets

// Class names in the order of the published labels.
var (
	modelNet10Classes = []string{
		"bathtub", "bed", "chair", "desk", "dresser", "monitor", "night_stand", "sofa", "table", "toilet",
	}
	modelNet40Classes = []string{
		"airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone",
		"cup", "curtain", "desk", "door", "dresser", "flower_pot", "glass_box", "guitar", "keyboard", "lamp",
		"laptop", "mantel", "monitor", "night_stand", "person", "piano", "plant", "radio", "range_hood", "sink",
		"sofa", "stairs", "stool", "table", "tent", "toilet", "tv_stand", "vase", "wardrobe", "xbox",
	}
	scanObjectNNClasses = []string{
		"bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table",
		"bed", "pillow", "sink", "sofa", "toilet",
	}
)
