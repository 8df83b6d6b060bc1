package kernel

var transposes = hasAVX
