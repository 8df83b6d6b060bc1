package datasets_test

func init() {
	for _, test := range []formatTest{
		{"pcd", "testdata/pcd", "test", []int{0, 1, 2, 3}, []int64{0, 0, 1, 1}},
		{"pcd", "testdata/pcd", "train", []int{4}, []int64{2}},
		{"pcd", "testdata/pcd_by_split", "test", []int{1, 2}, []int64{1, 2}},
		{"pcd", "testdata/pcd_by_split", "train", []int{0}, []int64{0}},
		{"pcd", "testdata/pcd_open3d", "", []int{0, 1, 2}, []int64{0, 0, 0}},
	} {
		addFormatTest(test)
	}
}
