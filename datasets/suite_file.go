package datasets

// SuiteFile is the name of the JSON file in a folder of corrupted data that wiseft wrote.
const SuiteFile = "wiseft.json"
