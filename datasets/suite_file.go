package datasets

// SuiteFile is the name of a JSON file in a folder of corrupted data that was made here
// and not downloaded.
const SuiteFile = "wiseft.json"
